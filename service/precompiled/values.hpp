// Precompiled where a build asks for it (-Dprecompiled=true): for the rooms of service/ that have no event loop.
#include <toml++/toml.h>

#include <atomic>
#include <filesystem>
#include <iomanip>
#include <mutex>

#include "common/crypto/hash.hpp"
#include "common/l402/credential.hpp"
#include "common/precompiled/values.hpp"
#include "service/config/config.hpp"
#include "service/http/message.hpp"
