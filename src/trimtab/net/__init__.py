"""Keep HTTP and WebSocket sessions alive and polite: rate limits, back-off, reconnect, circuit breaker. Knows no chain."""
