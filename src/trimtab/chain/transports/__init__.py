"""Carry JSON-RPC bytes to a node and back: HTTP, WebSocket, IPC, failover."""
