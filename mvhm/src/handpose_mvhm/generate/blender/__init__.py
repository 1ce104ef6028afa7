"""Blender's Cycles in place of our shading: colours by path tracing, everything else from the z-buffer.

``bpy`` asks for other versions of its dependencies than the suite, and takes over the process it is loaded in. So it
runs in a Python of its own (`interpreter`), which draws (`cycles_job`) what it is told to (`painter`).
"""
