"""How well the default model learns small data, beside what people would reach for otherwise."""
