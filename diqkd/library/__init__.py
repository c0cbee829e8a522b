"""What `import diqkd` offers: thin functions over postprocess, one module per concern. Import them from `diqkd`."""
