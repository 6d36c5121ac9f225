// What scripts rely on.
#pragma once

namespace ringfold::load {

inline constexpr int kGood = 0;
inline constexpr int kBadUsage = 2;
inline constexpr int kCouldNotStart = 3;
inline constexpr int kWrongReplies = 4;

}  // namespace ringfold::load
