"""What TAGAN's networks are told of an image beside it: shape map, edges, colour map."""
