"""The recipe that makes Hubcap's default model: see training/README.md."""
