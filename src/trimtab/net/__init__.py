"""Keep HTTP and WebSocket sessions alive and polite: limits, back-off, reconnect. Knows no chain."""
