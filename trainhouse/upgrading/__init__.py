"""What a project that was begun with an earlier version has to change, once its trainhouse/ is that of a newer one."""
