// Writes archives with LibTorch, for the tests of the checkpoint reader.
//
//   libtorch-archive module|script|tensors|tensor FILE < TEXT
//
// TEXT has one line for each tensor: its name, its shape separated by commas, its values. `module` saves nested
// torch::nn modules that follow the dots in the names; `script` saves nested TorchScript modules; `tensors` saves a
// vector of all tensors; `tensor` saves the first one.
#include <iostream>
#include <sstream>
#include <torch/script.h>
#include <torch/torch.h>

namespace {

using Tensors = std::vector<std::pair<std::string, torch::Tensor>>;

Tensors readTensors(std::istream &in) {
  Tensors tensors;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string name, shapeText;
    fields >> name >> shapeText;
    std::vector<int64_t> shape;
    std::istringstream sizes(shapeText);
    for (std::string size; std::getline(sizes, size, ',');)
      shape.push_back(std::stoll(size));
    std::vector<float> values;
    for (float value; fields >> value;)
      values.push_back(value);
    tensors.emplace_back(name, torch::tensor(values).reshape(shape));
  }
  return tensors;
}

std::vector<std::string> splitName(const std::string &name) {
  std::vector<std::string> parts;
  std::istringstream stream(name);
  for (std::string part; std::getline(stream, part, '.');)
    parts.push_back(part);
  return parts;
}

void saveModule(const Tensors &tensors, const std::string &path) {
  auto root = std::make_shared<torch::nn::Module>();
  for (const auto &[name, tensor] : tensors) {
    auto place = root;
    std::vector<std::string> parts = splitName(name);
    for (size_t index = 0; index + 1 < parts.size(); ++index) {
      auto children = place->named_children();
      auto *known = children.find(parts[index]);
      place = known ? *known : place->register_module(parts[index], std::make_shared<torch::nn::Module>());
    }
    place->register_parameter(parts.back(), tensor);
  }
  torch::save(root, path);
}

void saveScript(const Tensors &tensors, const std::string &path) {
  // A TorchScript module accepts a child only after all attributes of the child are set, so children are built first.
  std::function<torch::jit::Module(const std::string &, const Tensors &)> build = [&](const std::string &name,
                                                                                      const Tensors &below) {
    torch::jit::Module module("Module_" + name);
    std::vector<std::pair<std::string, Tensors>> groups;
    for (const auto &[path, tensor] : below) {
      size_t dot = path.find('.');
      if (dot == std::string::npos) {
        module.register_parameter(path, tensor, /*is_buffer=*/false);
        continue;
      }
      std::string head = path.substr(0, dot);
      if (groups.empty() || groups.back().first != head)
        groups.emplace_back(head, Tensors());
      groups.back().second.emplace_back(path.substr(dot + 1), tensor);
    }
    for (const auto &[head, inner] : groups) {
      std::string child = name;
      child.append("_").append(head);
      module.register_module(head, build(child, inner));
    }
    return module;
  };
  build("root", tensors).save(path);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::cerr << "usage: libtorch-archive module|script|tensors|tensor FILE < TEXT\n";
    return 1;
  }
  std::string mode = argv[1], path = argv[2];
  Tensors tensors = readTensors(std::cin);
  if (mode == "module")
    saveModule(tensors, path);
  else if (mode == "script")
    saveScript(tensors, path);
  else if (mode == "tensor")
    torch::save(tensors.front().second, path);
  else if (mode == "tensors") {
    std::vector<torch::Tensor> values;
    for (const auto &named : tensors)
      values.push_back(named.second);
    torch::save(values, path);
  } else {
    std::cerr << "expected module, script, tensors or tensor, found '" << mode << "'\n";
    return 1;
  }
  return 0;
}
