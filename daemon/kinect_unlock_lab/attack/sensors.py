"""The models of depth cameras that look at attacks, by name: bounds are chosen under the first one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from kinect_unlock_lab.attack.exhibit import SensorModel
from kinect_unlock_lab.attack.first_sensor import first_sensor
from kinect_unlock_lab.attack.second_sensor import second_sensor

SENSORS: Final[Mapping[str, SensorModel]] = MappingProxyType({"first": first_sensor, "second": second_sensor})
