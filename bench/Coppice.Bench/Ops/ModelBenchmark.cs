using BenchmarkDotNet.Attributes;
using Coppice.Text;

namespace Coppice.Bench;

/// <summary>Text to ids; GB/s are bytes of UTF-8.</summary>
public class TokenizerBenchmark : IMeasuredWork, INeedsModel
{
    private const string Sentence =
        "Coppicing is a traditional method of woodland management: 3 cut stumps give 40 shoots, they're young again.\n";
    private readonly List<int> _ids = [];
    private Tokenizer _tokenizer = null!;
    private string _text = "";

    [Params(1, 100)]
    public int Sentences { get; set; }

    public double Bytes => (double)Sentence.Length * Sentences;
    public double Flops => 0;

    [GlobalSetup]
    public void Setup()
    {
        _tokenizer = Tokenizer.Load(BenchModel.Folder!);
        _text = string.Concat(Enumerable.Repeat(Sentence, Sentences));
        var decoded = _tokenizer.Decode(_tokenizer.Encode(_text, addSpecialTokens: false));
        if (decoded != _text) throw new InvalidOperationException("tokenizer: decoding must give the text again.");
    }

    [Benchmark]
    public int Encode()
    {
        _ids.Clear();
        _tokenizer.Encode(_text, _ids);
        return _ids.Count;
    }
}

/// <summary>End to end: tokens one after the other, after a context. GB/s count the weights alone.</summary>
public class DecodeBenchmark : IMeasuredWork, INeedsModel
{
    private const int Tokens = 8;
    private LanguageModel _model = null!;
    private Session _session = null!;
    private int[] _prompt = [];

    [Params(64, 1024)]
    public int Context { get; set; }

    public double Bytes => Tokens * (double)new FileInfo(Path.Combine(BenchModel.Folder!, "model.safetensors")).Length;
    public double Flops => 0;

    /// <summary>The tokens must not depend on how the context came into the cache.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _model = LanguageModel.Load(BenchModel.Folder!, new ModelOptions { Device = "cpu", ContextLength = Context + Tokens + 1 });
        _session = _model.NewSession();
        _prompt = [.. Enumerable.Range(0, Context).Select(i => (int)((i * 7919L + 12345) % _model.VocabularySize))];
        var whole = Run();
        if (!whole.SequenceEqual(Run()))
            throw new InvalidOperationException("decode: a kept context must give the same tokens as a new one.");
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _session.Dispose();
        _model.Dispose();
    }

    [Benchmark(OperationsPerInvoke = 1)]
    public int Decode() => Run().Count;

    private List<int> Run() =>
        [.. _session.Generate(_prompt, new GenerationOptions { MaxTokens = Tokens, IgnoreEos = true }).Select(piece => piece.TokenId)];
}
