#include "ringfold/hash/point_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "ringfold/base/prng.h"
#include "ringfold/hash/distributions.h"
#include "ringfold/hash/remainder.h"

using namespace ringfold;

namespace {

// The definition that the table is to agree with: a plain binary search over stably sorted points.
class PlainSearch {
 public:
  explicit PlainSearch(std::vector<Point> points) : points_(std::move(points)) {
    std::stable_sort(points_.begin(), points_.end(),
                     [](const Point& a, const Point& b) { return a.value < b.value; });
  }

  u32 find(u32 number) const {
    const auto found =
        std::lower_bound(points_.begin(), points_.end(), number,
                         [](const Point& point, u32 value) { return point.value < value; });
    return found == points_.end() ? points_.front().owner : found->owner;
  }

 private:
  std::vector<Point> points_;
};

// Compares at random numbers, at every point and beside it, at the ends and at bucket borders.
// Returns whether the table is in windows.
bool agrees_everywhere(const std::vector<Point>& points, u32 largest_number, u64 seed) {
  const PointTable table(points, largest_number);
  const PlainSearch plain(points);
  std::vector<u32> numbers = {0, largest_number};
  const auto add = [&](u64 number) {
    if (number <= largest_number) numbers.push_back(static_cast<u32>(number));
  };
  for (const Point& point : points) {
    add(point.value);
    add(u64{point.value} + 1);
    add(u64{point.value} - 1);
  }
  for (u32 bit = 0; bit < 32; ++bit) {
    add(u64{1} << bit);
    add((u64{1} << bit) - 1);
  }
  for (u64 border = 0; border <= largest_number; border += u64{1} << 20) {
    add(border);
    add(border - 1);
  }
  Prng prng(seed);
  for (int tries = 0; tries < 20000; ++tries) add(prng.below(u64{largest_number} + 1));
  u32 differing = 0;
  for (const u32 number : numbers) differing += table.find(number) != plain.find(number) ? 1 : 0;
  CHECK(differing == 0);
  return table.windowed();
}

}  // namespace

TEST_CASE("a ketama ring answers as plain binary search does") {
  for (const u32 server_count : {1u, 2u, 4u, 25u, 100u, 1024u}) {
    std::vector<std::string> names;
    for (u32 server = 0; server < server_count; ++server) {
      names.push_back("10.0.0." + std::to_string(server) + ":6379");
    }
    std::vector<Member> members;
    for (u32 server = 0; server < server_count; ++server) {
      members.push_back({names[server], server, 1 + server % 3, true});
    }
    CHECK(agrees_everywhere(ketama_points(members), UINT32_MAX, server_count));
  }
}

TEST_CASE("points at the ends, alone, doubled and crowded are found as by binary search") {
  CHECK(agrees_everywhere({{0, 7}}, UINT32_MAX, 1));
  CHECK(agrees_everywhere({{UINT32_MAX, 7}}, UINT32_MAX, 2));
  CHECK(agrees_everywhere({{0, 1}, {UINT32_MAX, 2}}, UINT32_MAX, 3));
  CHECK(agrees_everywhere({{5, 1}, {5, 2}, {5, 3}, {9, 4}, {9, 5}}, UINT32_MAX, 4));
  CHECK(agrees_everywhere({{UINT32_MAX, 3}, {UINT32_MAX, 1}}, UINT32_MAX, 5));
  CHECK(agrees_everywhere({{0, 3}}, 0, 6));
  CHECK(agrees_everywhere({{0, 3}, {1, 4}, {2, 5}}, 2, 7));

  std::vector<Point> crowd;
  for (u32 index = 0; index < 500; ++index) crowd.push_back({1000000 + index, index});
  CHECK_FALSE(agrees_everywhere(crowd, UINT32_MAX, 8));
  for (u32 index = 0; index < 500; ++index) crowd.push_back({1000000, 1000 + index});
  crowd.push_back({UINT32_MAX, 9});
  CHECK_FALSE(agrees_everywhere(crowd, UINT32_MAX, 9));
  crowd.clear();
  for (u32 index = 0; index < 500; ++index) crowd.push_back({UINT32_MAX - index, index});
  CHECK_FALSE(agrees_everywhere(crowd, UINT32_MAX, 10));
}

TEST_CASE("exactly a window of points in one bucket is still a window") {
  std::vector<Point> points;
  for (u32 index = 0; index < PointTable::kWindow; ++index) points.push_back({100, index});
  CHECK(agrees_everywhere(points, UINT32_MAX, 11));
  points.push_back({100, 99});
  CHECK_FALSE(agrees_everywhere(points, UINT32_MAX, 12));
}

TEST_CASE("random small tables agree with binary search") {
  Prng prng(13);
  for (int round = 0; round < 30; ++round) {
    const u32 largest = static_cast<u32>(prng.next() >> (32 + prng.below(32)));
    std::vector<Point> points(1 + prng.below(40));
    for (Point& point : points) {
      point = {static_cast<u32>(prng.below(u64{largest} + 1)), static_cast<u32>(prng.below(1024))};
    }
    agrees_everywhere(points, largest, prng.next());
  }
}

TEST_CASE("the remainder without division is the remainder") {
  Prng prng(14);
  std::vector<u32> interesting = {1,   2,     3,     4,     5,          7,
                                  641, 65535, 65536, 65537, 0x7fffffff, 0x80000000};
  for (u32 below = 1; below <= 5; ++below) interesting.push_back(UINT32_MAX - below + 1);
  for (int tries = 0; tries < 500; ++tries) {
    interesting.push_back(static_cast<u32>(prng.next() >> (32 + prng.below(31))) | 1u);
  }
  u32 differing = 0;
  for (const u32 divisor : interesting) {
    const Remainder remainder(divisor);
    differing += remainder.of(0) != 0 ? 1 : 0;
    for (const u32 number : interesting) {
      for (const u32 near : {number - 1, number, number + 1}) {
        differing += remainder.of(near) != near % divisor ? 1 : 0;
      }
    }
  }
  CHECK(differing == 0);
}
