#include "service/admit/scheme.hpp"

#include "service/admit/charge.hpp"
#include "service/admit/session.hpp"
#include "service/admit/token.hpp"
#include "service/admit/work.hpp"

namespace millrace::admit {

std::unique_ptr<Scheme> scheme_for(RequestFacts& request, Pass& pass, const std::vector<l402::HeaderField>& fields) {
    // A service on trial takes whatever comes, and uses nothing up.
    const bool on_trial = request.service().dry_run;
    Credential brought = read_credential(fields, {!on_trial, !on_trial && request.config->challenges.pow});
    if (auto* work = std::get_if<Work>(&brought)) return std::make_unique<ByWork>(request, pass, std::move(*work));
    if (auto* payment = std::get_if<Payment>(&brought)) {
        // A front proxy has no way for what is answered here: a top-up, the end.
        const bool session = request.service().sessions && !request.front_question && payment->credential &&
                             payment->credential->challenge.intent == payment::session;
        if (session) return std::make_unique<BySession>(request, pass, std::move(*payment));
        return std::make_unique<ByCharge>(request, pass, std::move(*payment));
    }
    return std::make_unique<ByToken>(request, pass, std::move(std::get<Token>(brought)));
}

}  // namespace millrace::admit
