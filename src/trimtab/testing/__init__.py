"""The public pytest plugin and conformance suites, built on world/."""
