// Precompiled where a build asks for it (-Dprecompiled=true): for the simulated node.
#include <sstream>

#include "contrib/simulator/node/node_core.hpp"
#include "common/precompiled/values.hpp"
