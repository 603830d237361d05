"""What a run writes down while it goes on: customers, services, links and the machine."""
