"""Jobs: a domain cut in tasks, each written down when it is done, on threads or on a cluster."""
