"""Programs that rows start in processes of their own."""
