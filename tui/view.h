// From the model to a screen: where everything stands, at any size.
#pragma once
#include <string>
#include <vector>

#include "tui/model.h"
#include "tui/screen.h"

namespace dim::tui {

struct Piece {
  std::string text;
  Style style{};
};
/// One row of a conversation, and which part of which message it is.
struct Row {
  std::vector<Piece> pieces{};
  std::size_t message = 0;
  int part = 0;
};

/// A conversation as rows of at most `width` cells, oldest first: day lines, the line above what is
/// new, messages. The second and further rows of a message are indented, where the time of a first
/// one stands: no text can pose as another message.
std::vector<Row> rows_of(const Conversation& conversation, int width, bool ids);

/// Where what stands on a screen of this size.
struct Layout {
  Size size{};
  int list = 0;  ///< cells of the list on the left, its border not among them; 0: there is none
  int left = 0;  ///< first column of the conversation
  int width = 0;
  int top = 0;                          ///< first row of its messages
  int height = 0;                       ///< rows of these
  int status = 0;                       ///< row of the status line; -1: there is none
  int composer = 0, composer_rows = 1;  ///< where one writes
};
Layout layout_of(const Model& model, Size size);

Screen draw(const Model& model, Size size);

/// Moves what is seen by so many rows, up when positive; true: the oldest row is seen now.
bool scroll(Model& model, Size size, int rows);
/// Moves it so that the selected message is seen.
void show_selected(Model& model, Size size);
/// Which conversation stands in that row of the list; its place, or -1.
int conversation_at(const Model& model, Size size, int row, int column);

}  // namespace dim::tui
