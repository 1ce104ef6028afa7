from handpose_core.cli.registry import Method

METHOD = Method("one learnt pose", "tinymethod.module:TinyModule")
