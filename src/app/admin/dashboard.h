// The dashboard, one page without outside assets. Its sources are in the folder dashboard/;
// tools/embed_page.py puts them together when the program is built.
#pragma once

#include <string_view>

namespace ringfold {

extern const std::string_view kDashboardPage;

// The value of Content-Security-Policy that goes with it.
extern const char* const kDashboardPolicy;

}  // namespace ringfold
