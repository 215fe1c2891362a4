// Precompiled where a build asks for it (-Dprecompiled=true): what most sources without sockets include. A source includes
// what it uses all the same, so that it compiles without this.
#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "common/result/error.hpp"
