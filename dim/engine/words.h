// 256 plain words, sorted, no two of which begin with the same four letters; the position is the
// byte.
#pragma once
#include <array>
#include <string_view>

namespace dim {

inline constexpr std::array<std::string_view, 256> kWords = {
    "acorn",    "amber",   "anchor",  "apple",  "apron",    "arch",    "arrow",   "attic",
    "autumn",   "axle",    "badge",   "baker",  "bamboo",   "banjo",   "barley",  "barn",
    "basin",    "basket",  "beach",   "bean",   "bell",     "bench",   "berry",   "bird",
    "blanket",  "bloom",   "boat",    "bonnet", "bottle",   "boulder", "bowl",    "branch",
    "brass",    "bread",   "brick",   "bridge", "broom",    "bubble",  "bucket",  "butter",
    "cabin",    "cable",   "cactus",  "camel",  "candle",   "canoe",   "canvas",  "carpet",
    "carrot",   "castle",  "cave",    "cedar",  "cellar",   "chalk",   "cherry",  "chess",
    "cider",    "circle",  "clay",    "clock",  "cloud",    "clover",  "cobalt",  "cocoa",
    "comet",    "copper",  "coral",   "cotton", "cradle",   "crane",   "crayon",  "cricket",
    "crown",    "curtain", "daisy",   "desert", "diamond",  "dinner",  "dolphin", "donkey",
    "drum",     "eagle",   "easel",   "echo",   "elbow",    "elm",     "ember",   "engine",
    "fabric",   "falcon",  "feather", "fern",   "ferry",    "fiddle",  "field",   "flag",
    "flint",    "flute",   "forest",  "fossil", "fountain", "fox",     "garden",  "garlic",
    "ginger",   "glacier", "glove",   "goat",   "grape",    "gravel",  "guitar",  "hammer",
    "harbour",  "harvest", "hazel",   "hedge",  "heron",    "hill",    "honey",   "horse",
    "island",   "ivory",   "jacket",  "jar",    "jasmine",  "jelly",   "jewel",   "jungle",
    "kettle",   "kite",    "kitten",  "ladder", "lagoon",   "lake",    "lamp",    "lantern",
    "laurel",   "lemon",   "lentil",  "lily",   "linen",    "lion",    "lizard",  "lobster",
    "locket",   "lotus",   "magnet",  "mango",  "maple",    "marble",  "market",  "meadow",
    "melon",    "mill",    "mint",    "mirror", "mitten",   "moon",    "moss",    "moth",
    "mountain", "mustard", "napkin",  "needle", "nest",     "nettle",  "oak",     "oasis",
    "oat",      "ocean",   "olive",   "onion",  "orbit",    "orchard", "otter",   "owl",
    "oyster",   "paddle",  "palm",    "panda",  "paper",    "parrot",  "pasture", "peach",
    "pear",     "pebble",  "pepper",  "piano",  "pigeon",   "pillow",  "pine",    "planet",
    "plum",     "pocket",  "pollen",  "pond",   "poppy",    "potato",  "prairie", "pumpkin",
    "quail",    "quartz",  "quilt",   "rabbit", "radish",   "raft",    "rain",    "raven",
    "ribbon",   "rice",    "river",   "robin",  "rocket",   "rope",    "ruby",    "saddle",
    "sage",     "sail",    "salmon",  "sand",   "satin",    "scarf",   "shell",   "shovel",
    "silver",   "sketch",  "sleigh",  "snail",  "snow",     "sofa",    "spade",   "sparrow",
    "spoon",    "spring",  "statue",  "stone",  "straw",    "sugar",   "summer",  "swan",
    "table",    "teapot",  "tiger",   "timber", "tulip",    "turtle",  "velvet",  "violin",
    "wagon",    "walnut",  "whale",   "willow", "window",   "winter",  "yarn",    "zebra",
};

}  // namespace dim
