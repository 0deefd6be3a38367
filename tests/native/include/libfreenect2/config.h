#pragma once
#include <libfreenect2/export.h>
#define LIBFREENECT2_VERSION "0.2.0"
#define LIBFREENECT2_WITH_OPENGL_SUPPORT
#define LIBFREENECT2_WITH_OPENCL_SUPPORT
