using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Tests.Support;

namespace Coppice.Tests.Decoding.Laws;

/// <summary>
/// A Llama of two layers and its draft after one prompt, each computed once for every text of at most three tokens: models whose texts can
/// be sampled by the hundred thousand.
/// </summary>
internal sealed class TabledLlama
{
    public const int Vocabulary = 16, Known = 3;

    public const string Config = """
        {"model_type": "llama", "vocab_size": 16, "hidden_size": 32, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 48,
         "num_hidden_layers": 2, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "eos_token_id": 1}
        """;

    private readonly double[][] _target;
    private readonly (int[] Tokens, double[] Weights)[] _draft;

    /// <summary>
    /// Tables of the target by <paramref name="options"/> and of the draft by its <paramref name="support"/> most probable tokens.
    /// </summary>
    public TabledLlama(GenerationOptions options, int support)
    {
        using var pair = new ModelPair(Config);
        using var model = pair.Load(new ModelOptions { Device = "cpu", ContextLength = 40, Threads = 1 });
        using var draft = LanguageModel.Load(pair.DraftFolder, new ModelOptions { Device = "cpu", ContextLength = 40, Threads = 1 });
        var sampler = options.CreateSampler();
        _target = [.. Tabulate(model).Select(row =>
        {
            var weights = new double[Vocabulary];
            sampler.Weights(Prompt, row, weights);
            return weights;
        })];
        _draft = [.. Tabulate(draft).Select(row =>
        {
            int[] tokens = [.. Enumerable.Range(0, Vocabulary).OrderByDescending(t => row[t]).Take(support)];
            var weights = new double[support];
            var count = DraftShape.Apply([.. tokens.Select(t => row[t])], SamplingShape.Unchanged, weights);
            return (tokens[..count], weights[..count]);
        })];
    }

    private static int[] Prompt { get; } = TinyModel.Prompt(6, vocabulary: Vocabulary);

    /// <summary>The number of a text.</summary>
    public static int Code(ReadOnlySpan<int> text)
    {
        var code = 0;
        foreach (var token in text) code = code * (Vocabulary + 1) + token + 1;
        return code;
    }

    /// <summary>Weights of what follows a text.</summary>
    public ReadOnlySpan<double> Target(int code) => _target[code];

    /// <summary>The probability of <paramref name="token"/> after a text.</summary>
    public double Probability(ReadOnlySpan<int> text, int token) => _target[Code(text)][token] / _target[Code(text)].Sum();

    private static float[][] Tabulate(LanguageModel model)
    {
        var rows = new float[Code([15, 15, 15]) + 1][];
        using var scorer = new Scorer(model, 40);
        rows.AsSpan().Fill(new float[Vocabulary]);
        for (var a = 0; a < Vocabulary; a++)
            for (var b = 0; b < Vocabulary; b++)
                for (var c = 0; c < Vocabulary; c++)
                {
                    int[] text = [a, b, c];
                    scorer.Logits([.. Prompt, .. text], (first, logits) =>
                    {
                        for (var length = 0; length <= Known; length++)
                            if (Prompt.Length + length - 1 - first is >= 0 and var row && row < logits.Length / Vocabulary)
                                rows[Code(text.AsSpan(0, length))] = logits.Slice(row * Vocabulary, Vocabulary).ToArray();
                    });
                }
        return rows;
    }

    /// <summary>A text that is being generated, and the tree that is being proposed after it.</summary>
    public sealed class Text(TabledLlama tables) : IDraftDistributions, ITargetDistribution<double>
    {
        private readonly int[] _tokens = new int[Known + 8];
        private readonly double[] _weights = new double[Vocabulary];

        public int Length { get; private set; }
        public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Length);
        public Proposals<double> Proposals { get; } = new(64, Vocabulary);

        public void Clear() => Length = 0;

        public void Add(int token) => _tokens[Length++] = token;

        /// <summary>Sets the draft's distribution after the text.</summary>
        public void Start() => Set(0, Code(Tokens));

        public void Expand(TokenTree tree, ReadOnlySpan<int> nodes)
        {
            foreach (var node in nodes) Set(node, At(tree, node));
        }

        public Span<double> Weights(TokenTree tree, int node)
        {
            tables.Target(At(tree, node)).CopyTo(_weights);
            return _weights;
        }

        /// <summary>The number of the text up to a node.</summary>
        private int At(TokenTree tree, int node)
        {
            var path = tree.Path(node);
            for (var i = 1; i < path.Length; i++) _tokens[Length + i - 1] = tree.Tokens[path[i]];
            return Code(_tokens.AsSpan(0, Length + path.Length - 1));
        }

        private void Set(int node, int code) => Proposals.Set(node, tables._draft[code].Tokens, tables._draft[code].Weights);
    }
}
