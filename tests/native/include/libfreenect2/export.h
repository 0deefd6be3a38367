#pragma once
#define LIBFREENECT2_API __attribute__((visibility("default")))
