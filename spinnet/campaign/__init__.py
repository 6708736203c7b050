"""Studies: TOML to tasks, tasks to result files, result files to one collected file."""
