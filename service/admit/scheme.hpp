// Which scheme decides about a request, by what it brings.
#pragma once

#include <memory>

#include "service/admit/credential.hpp"
#include "service/admit/step.hpp"

namespace millrace::admit {

// `fields`: of find_credential_fields(). The request and the pass outlive the scheme.
[[nodiscard]] std::unique_ptr<Scheme> scheme_for(RequestFacts& request, Pass& pass,
                                                 const std::vector<l402::HeaderField>& fields);

}  // namespace millrace::admit
