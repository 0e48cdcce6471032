"""What programs on one machine share without harm: files, cores, locks, worker processes."""
