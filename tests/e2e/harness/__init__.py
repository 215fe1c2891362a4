"""What the end-to-end tests stand on: networks of nodes, the service, the client, and ways to hold things in the middle."""
