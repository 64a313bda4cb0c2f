"""What changed inside a repository: two versions of a file to findings. Nothing is ever loaded, rendered or run."""
