// The part of the page about predictions, with pictures.
#include "tools/lib/report/PageParts.h"
#include "tools/lib/report/Table.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace vitya::report {

void writeDetails(raw_ostream &os, const Twine &summary, function_ref<void()> content) {
  os << "<details><summary>";
  printHTMLEscaped(summary.str(), os);
  os << "</summary>\n";
  content();
  os << "</details>\n";
}

void writePictures(const Report &report, raw_ostream &os) {
  os << "<svg width=\"0\" height=\"0\" style=\"position:absolute\" aria-hidden=\"true\"><defs>\n";
  for (const auto &[image, uri] : report.pictures)
    if (!uri.empty())
      os << formatv("<image id=\"picture{0}\" width=\"64\" height=\"64\" href=\"{1}\"/>\n", image, uri);
  os << "</defs></svg>\n";
}

namespace {

class Predictions {
public:
  Predictions(const Report &report, raw_ostream &os) : report(report), os(os) {}

  /// Rows are labels and columns are predictions. With many classes, only the most frequent mistakes are listed.
  void writeConfusion() {
    constexpr size_t kLargestMatrix = 20, kMistakes = 20;
    const std::vector<std::string> &classes = report.classes();
    size_t size = classes.size();
    os << "<h3>Confusion of the original model</h3>\n";
    if (size > kLargestMatrix)
      return writeHtml(mostFrequentMistakes(kMistakes), os);
    os << "<p>Rows are labels, columns are predictions.</p>\n";
    int64_t largest = 1;
    for (size_t i = 0; i < size * size; ++i)
      if (i % (size + 1))
        largest = std::max(largest, report.confusion[i]);
    os << "<div class=\"scroll\"><table><thead><tr><th></th>";
    for (StringRef name : classes) {
      os << "<th>";
      text(name);
      os << "</th>";
    }
    os << "</tr></thead><tbody>\n";
    for (size_t row = 0; row < size; ++row) {
      os << "<tr><th>";
      text(classes[row]);
      os << "</th>";
      for (size_t column = 0; column < size; ++column) {
        int64_t count = report.confusion[row * size + column];
        double shade = row == column ? 0 : 60.0 * static_cast<double>(count) / static_cast<double>(largest);
        os << formatv(
            "<td class=\"cell{0}\" style=\"background:color-mix(in srgb,#d55e00 {1:f0}%,transparent)\">{2}</td>",
            row == column ? " hit" : "", shade, count);
      }
      os << "</tr>\n";
    }
    os << "</tbody></table></div>\n";
  }

  Table mostFrequentMistakes(size_t count) const {
    size_t size = report.classes().size();
    std::vector<size_t> order;
    for (size_t i = 0; i < report.confusion.size(); ++i)
      if (i / size != i % size && report.confusion[i])
        order.push_back(i);
    llvm::sort(order, [&](size_t a, size_t b) {
      return std::pair(report.confusion[b], a) < std::pair(report.confusion[a], b);
    });
    Table table;
    table.head = {"label", "prediction", "images"};
    for (size_t i : ArrayRef(order).take_front(count))
      table.rows.push_back({report.classes()[i / size], report.classes()[i % size], grouped(report.confusion[i])});
    return table;
  }

  void writeChanged(const Variant &variant) {
    const Score &score = variant.results->score;
    auto other = static_cast<int64_t>(score.changed.size()) - score.gained - score.lost;
    writeDetails(os,
                 formatv("{0}: {1} images, of which {2} were right, {3} are right now and {4} are wrong in another way",
                         variant.name, score.changed.size(), score.lost, score.gained, other)
                     .str(),
                 [&] {
                   os << "<div class=\"pictures\">\n";
                   for (const ChangedImage &changed : score.changed) {
                     auto picture = report.pictures.find(changed.image);
                     if (picture == report.pictures.end())
                       break;
                     writeFigure(changed, !picture->second.empty());
                   }
                   os << "</div>\n";
                 });
  }

  void writeFigure(const ChangedImage &changed, bool hasPicture) {
    os << "<figure>";
    if (hasPicture)
      os << formatv(
          "<svg viewBox=\"0 0 64 64\" role=\"img\" aria-label=\"image {0}\"><use href=\"#picture{0}\"/></svg>",
          changed.image);
    os << "<figcaption>";
    const std::vector<std::string> &classes = report.classes();
    text(formatv("image {0}, {1}: {2}, now {3}", changed.image, classes[changed.label], classes[changed.before],
                 classes[changed.after])
             .str());
    os << "</figcaption></figure>\n";
  }

  void write() {
    writeConfusion();
    os << "<h3>Images whose class changed</h3>\n<p>Those first on whose class the original model was most certain. "
          "Under "
          "each image: its number, its label, the class that the original model predicts, and that of the "
          "variant.</p>\n";
    for (const Variant &variant : drop_begin(report.variants))
      if (variant.results)
        writeChanged(variant);
  }

private:
  void text(const Twine &content) { printHTMLEscaped(content.str(), os); }

  const Report &report;
  raw_ostream &os;
};

} // namespace

void writePredictions(const Report &report, raw_ostream &os) {
  os << "<h2>Predictions</h2>\n";
  Predictions(report, os).write();
}

} // namespace vitya::report
