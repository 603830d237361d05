"""The Compose engine: compose.yaml as it is, by `docker compose`."""
