// Answers of the admin API as text for a terminal.
//
//   settled_at            service  amount_received_msat
//   2026-11-21T12:00:00Z  weather                  1000
//
// Times become RFC 3339; what a terminal would act upon, which a description may hold, becomes an escape
// (common/codec/log_text.hpp).
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "service/operations/operation.hpp"

namespace millrace::ctl {

using operations::View;

[[nodiscard]] std::string to_text(const boost::json::object& answer, const View& view);

}  // namespace millrace::ctl
