"""The error tree: every failure a user can cause or mend, as a sentence.

Each message says what was expected, what was found and what to do. The command line prints these
without a traceback; any other exception is a bug and keeps its traceback.

    JamelError
    ├── ConfigError          an unknown or ill-typed configuration key
    ├── DeviceError          the device or the adb server cannot be used
    │   ├── AdbMissing       no adb executable or no adb server
    │   ├── DeviceMissing    the serial is not attached
    │   ├── DeviceLost       the device went away in the middle of a call
    │   ├── AppMissing       the package is not installed on the device
    │   └── SessionLost      a session could not be made whole, however often it was begun
    ├── CoverageError        a coverage file that is truncated, empty or of another build
    ├── UiTreeError          a screen dump that is ill-formed or hostile
    ├── ShardError           a dataset shard that is truncated or of another schema version
    ├── DatasetError         the pinned dataset and the files in data/ disagree
    ├── ValidationError      the dataset as a whole fails its expectations
    ├── AgentError           what an agent asks for its actions gives none
    ├── EvaluationError      results of an evaluation are missing, ill-formed or not comparable
    ├── ScriptError          a recorded script that is cut short, ill-formed or of another version
    ├── RequestError         what a served model is asked is ill-formed
    ├── ProcessDied          a process that did a part of the work was killed
    ├── StoreError           an uninitialised, locked or full store
    ├── Busy                 another run holds the project
    └── GateError            a promotion was asked for that the gate refuses
"""


class JamelError(Exception):
    """Base of every error whose message is meant for the user."""


class ConfigError(JamelError):
    """A configuration key is unknown, missing or ill-typed."""


class DeviceError(JamelError):
    """The device or the adb server cannot be used."""


class AdbMissing(DeviceError):
    """No adb executable or no adb server could be found."""


class DeviceMissing(DeviceError):
    """The serial is not attached to the adb server."""


class DeviceLost(DeviceError):
    """The device went away in the middle of a call."""


class AppMissing(DeviceError):
    """The package is not installed on the device."""


class SessionLost(DeviceError):
    """A session could not be made whole, however often it was begun."""


class CoverageError(JamelError):
    """A coverage file is truncated, empty, ill-formed or of another build."""


class UiTreeError(JamelError):
    """A screen dump is ill-formed or hostile."""


class ShardError(JamelError):
    """A dataset shard is truncated, ill-formed or of another schema version."""


class DatasetError(JamelError):
    """The pinned dataset and the files in data/ disagree."""


class ValidationError(JamelError):
    """The dataset as a whole fails its expectations."""


class AgentError(JamelError):
    """What an agent asks for its actions, such as a language model, gives none."""


class EvaluationError(JamelError):
    """Results of an evaluation are missing, ill-formed or cannot be compared."""


class ScriptError(JamelError):
    """A recorded script is cut short, ill-formed or of another version."""


class RequestError(JamelError):
    """What a served model is asked is ill-formed."""


class ProcessDied(JamelError):
    """A process that did a part of the work was killed, for its memory or by hand."""


class StoreError(JamelError):
    """A store is uninitialised, locked or full."""


class Busy(JamelError):
    """Another run holds the project."""


class GateError(JamelError):
    """A promotion was asked for that the gate refuses."""
