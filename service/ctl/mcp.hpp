// The operations of millrace-ctl as tools of the Model Context Protocol, over stdio: JSON-RPC 2.0, one message a line
// (specification 2025-06-18, "Transports" and "Tools").
//
//   initialize   -> protocolVersion, capabilities {tools}, serverInfo
//   ping         -> {}
//   tools/list   -> each operation as a tool: "token revoke" is token_revoke
//   tools/call   -> {name, arguments}: the answer's text, isError where the admin API refused
//
// No I/O: lines in, lines out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "service/ctl/connection.hpp"
#include "service/ctl/request.hpp"

namespace millrace::ctl {

class Mcp {
  public:
    using Ask = std::function<Result<Reply>(const Operation&, const Request&)>;
    explicit Mcp(Ask ask) : ask_(std::move(ask)) {}

    // The answer to one line, without its line end; empty where none is due.
    [[nodiscard]] std::optional<std::string> answer(std::string_view line) const;

  private:
    Ask ask_;
};

}  // namespace millrace::ctl
