"""Look at a chain: turn JSON-RPC answers into typed values."""
