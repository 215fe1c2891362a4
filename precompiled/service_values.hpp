// Precompiled where a build asks for it (-Dprecompiled=true): for the rooms of service/ that have no event loop.
#include <toml++/toml.h>

#include <atomic>
#include <filesystem>
#include <iomanip>
#include <mutex>

#include "precompiled/values.hpp"
