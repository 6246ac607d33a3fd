"""What a guest does, as events with instruction counts: in memory, as JSON lines, for Chrome and Perfetto, for flame
graphs. It is made of hooks, and costs nothing while nobody traces."""
