"""``handpose mvhm generate``: matched poses before several cameras, as webdataset shards.

Poses come from a dataset's joints (`sources`), are matched and sorted out (`accept`), divided into splits and shards
(`plan`). A shard is a task (`work`): it is made whole by one process of this machine or of a cluster (`executors`), and
written at once, so that a killed run goes on at the shards that are not there (`run`). Who makes the colours is the
recipe's choice (`renderers`): our renderer, or Blender (`blender`).
"""
