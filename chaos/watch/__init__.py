"""The live page: the dashboards drawn while a run goes on, without Grafana and, where need be, without Prometheus."""
