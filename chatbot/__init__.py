"""What people touch: server, pages, API, command line, the vLLM engine, accounts."""
