// Measures V8 at what Islet is for: an isolate seeded from a snapshot that
// holds what a startup script left behind.
//
//   v8_isolate SCRIPT RECORDS... [--V8-FLAG...]
//
// For each number of records, prints as JSON rows the times of
//   cold         new isolate, context from the snapshot, first call, dispose
//   create_only  the same without the call
//   warm_call    a call in an isolate that has been called often
// and, as `memory`, what each of many live isolates holds after one call.
//
// V8 gets what helps it: the snapshot is made once, before any clock starts,
// keeps the compiled bytecode, and the handler has been called before it is
// taken, so that no isolate has to compile anything. Its flags stay as V8 sets
// them; --no-verify-snapshot-checksum saves it another tenth of the cold time.

#include <libplatform/libplatform.h>
#include <v8.h>

#include <memory>
#include <string>
#include <vector>

#include "measure.h"

namespace {

v8::Local<v8::String> ToString(v8::Isolate* isolate, const std::string& text) {
  return v8::String::NewFromUtf8(isolate, text.data(), v8::NewStringType::kNormal, static_cast<int>(text.size()))
      .ToLocalChecked();
}

v8::Local<v8::Function> FindHandler(v8::Local<v8::Context> context) {
  return context->Global()
      ->Get(context, v8::String::NewFromUtf8Literal(context->GetIsolate(), "handler"))
      .ToLocalChecked()
      .As<v8::Function>();
}

void CallAndCheck(v8::Local<v8::Context> context, v8::Local<v8::Function> handler, const peers::Calls::Call& call) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::HandleScope handles(isolate);
  v8::Local<v8::Value> arguments[] = {v8::Integer::New(isolate, static_cast<int>(call.k))};
  v8::Local<v8::Value> answer;
  if (!handler->Call(context, context->Global(), 1, arguments).ToLocal(&answer)) {
    peers::Die("the handler threw an exception");
  }
  peers::Check(answer->IntegerValue(context).FromMaybe(-1), call);
}

v8::StartupData MakeSnapshot(const std::string& script, const peers::Calls::Call& call) {
  v8::SnapshotCreator creator;
  v8::Isolate* isolate = creator.GetIsolate();
  {
    v8::HandleScope handles(isolate);
    v8::Local<v8::Context> context = v8::Context::New(isolate);
    v8::Context::Scope scope(context);
    v8::Local<v8::Script> compiled;
    if (!v8::Script::Compile(context, ToString(isolate, script)).ToLocal(&compiled) ||
        compiled->Run(context).IsEmpty()) {
      peers::Die("the startup script failed");
    }
    CallAndCheck(context, FindHandler(context), call);
    creator.SetDefaultContext(context);
  }
  v8::StartupData snapshot = creator.CreateBlob(v8::SnapshotCreator::FunctionCodeHandling::kKeep);
  if (snapshot.data == nullptr) peers::Die("V8 made no snapshot");
  return snapshot;
}

class Bench {
 public:
  Bench(const char* script_path, int64_t records)
      : system_(std::string("V8 ") + v8::V8::GetVersion()),
        records_(records),
        calls_(records),
        snapshot_(
            MakeSnapshot(peers::ReadScript(script_path, "var N = " + std::to_string(records) + ";\n"), calls_.Next())),
        buffers_(v8::ArrayBuffer::Allocator::NewDefaultAllocator()) {
    params_.snapshot_blob = &snapshot_;
    params_.array_buffer_allocator = buffers_.get();
  }
  ~Bench() { delete[] snapshot_.data; }

  void Run() {
    MeasureMemory();
    peers::PrintSeparator();
    Print("cold", peers::Measure([this] { CreateAndDispose(true); }));
    peers::PrintSeparator();
    Print("create_only", peers::Measure([this] { CreateAndDispose(false); }));
    peers::PrintSeparator();
    MeasureWarmCall();
  }

 private:
  void Print(const char* workload, const peers::Timing& timing) {
    peers::PrintTiming(system_, workload, records_, timing);
  }

  void CreateAndDispose(bool call) {
    v8::Isolate* isolate = v8::Isolate::New(params_);
    {
      v8::Isolate::Scope isolate_scope(isolate);
      v8::HandleScope handles(isolate);
      v8::Local<v8::Context> context = v8::Context::New(isolate);
      v8::Context::Scope scope(context);
      if (call) CallAndCheck(context, FindHandler(context), calls_.Next());
    }
    isolate->Dispose();
  }

  void MeasureWarmCall() {
    v8::Isolate* isolate = v8::Isolate::New(params_);
    {
      v8::Isolate::Scope isolate_scope(isolate);
      v8::HandleScope handles(isolate);
      v8::Local<v8::Context> context = v8::Context::New(isolate);
      v8::Context::Scope scope(context);
      v8::Local<v8::Function> handler = FindHandler(context);
      Print("warm_call", peers::Measure(
                             [&] {
                               for (int i = 0; i < peers::kCallsPerSample; ++i) {
                                 CallAndCheck(context, handler, calls_.Next());
                               }
                             },
                             peers::kCallsPerSample));
    }
    isolate->Dispose();
  }

  void MeasureMemory() {
    // The first isolate of a process sets up things for all, which are not counted.
    CreateAndDispose(true);

    struct Alive {
      v8::Isolate* isolate;
      v8::Global<v8::Context> context;
    };
    std::vector<Alive> alive;
    alive.reserve(peers::kIsolatesAlive);
    const peers::Memory before = peers::Memory::Now();
    for (int i = 0; i < peers::kIsolatesAlive; ++i) {
      v8::Isolate* isolate = v8::Isolate::New(params_);
      v8::Isolate::Scope isolate_scope(isolate);
      v8::HandleScope handles(isolate);
      v8::Local<v8::Context> context = v8::Context::New(isolate);
      v8::Context::Scope scope(context);
      CallAndCheck(context, FindHandler(context), calls_.Next());
      alive.push_back({isolate, v8::Global<v8::Context>(isolate, context)});
    }
    peers::PrintMemory(system_, records_, before, peers::Memory::Now());
    for (Alive& each : alive) {
      each.context.Reset();
      each.isolate->Dispose();
    }
  }

  const std::string system_;
  const int64_t records_;
  peers::Calls calls_;
  v8::StartupData snapshot_;
  const std::unique_ptr<v8::ArrayBuffer::Allocator> buffers_;
  v8::Isolate::CreateParams params_;
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<const char*> positional;
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] == '-') {
      v8::V8::SetFlagsFromString(argv[i]);
    } else {
      positional.push_back(argv[i]);
    }
  }
  if (positional.size() < 2) {
    peers::Die("usage: v8_isolate SCRIPT RECORDS... [--V8-FLAG...]");
  }
  const char* script = positional[0];
  positional.erase(positional.begin());
  // V8 starts threads, so it is started in the child, after the fork.
  return peers::RunEach(positional, [script](int64_t records) {
    const std::unique_ptr<v8::Platform> platform = v8::platform::NewDefaultPlatform();
    v8::V8::InitializePlatform(platform.get());
    v8::V8::Initialize();
    Bench(script, records).Run();
    v8::V8::Dispose();
    v8::V8::DisposePlatform();
  });
}
