"""all-MiniLM-L6-v2: its ONNX graph, and a reference of it in PyTorch."""
