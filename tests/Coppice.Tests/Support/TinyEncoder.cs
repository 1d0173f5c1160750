using System.Text.Json;

namespace Coppice.Tests.Support;

/// <summary>
/// A folder as sentence-transformers writes it, with a small encoder of random weights over a WordPiece vocabulary of letters; deleted at
/// the end.
/// </summary>
internal sealed class TinyEncoder : IDisposable
{
    /// <summary>Tokens of a text at most: more than one block of attention, fewer than there are positions.</summary>
    public const int MaxTokens = 100;
    public const int Hidden = 48;

    private const string Sizes = "\"vocab_size\": 96, \"hidden_size\": 48, \"num_attention_heads\": 4, \"intermediate_size\": 80, "
        + "\"num_hidden_layers\": 3, \"max_position_embeddings\": 128, \"hidden_act\": \"gelu\", \"layer_norm_eps\": 1e-12";

    public const string Bert = $$"""{"model_type": "bert", "type_vocab_size": 2, {{Sizes}}}""";
    public const string Roberta = $$"""{"model_type": "xlm-roberta", "type_vocab_size": 1, "pad_token_id": 1, {{Sizes}}}""";

    private readonly TinyModel _model;

    public TinyEncoder(string config = Bert, Func<string, string>? rename = null)
    {
        _model = new TinyModel(config, rename: rename);
        WriteTokenizer(Folder);
        Write("modules.json", """
            [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
             {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
             {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
            """);
        Write("1_Pooling/config.json", """
            {"word_embedding_dimension": 48, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true,
             "pooling_mode_max_tokens": false, "pooling_mode_mean_sqrt_len_tokens": false}
            """);
        Write("sentence_bert_config.json", $$"""{"max_seq_length": {{MaxTokens}}, "do_lower_case": false}""");
    }

    public string Folder => _model.Folder;
    public TinyModel Weights => _model;

    public EmbeddingModel Load(ModelOptions? options = null, EmbeddingOptions? embedding = null) =>
        EmbeddingModel.Load(Folder, options ?? new ModelOptions { Device = "cpu" }, embedding);

    /// <summary>Writes a file of the folder.</summary>
    public void Write(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    /// <summary>Words of small letters, the same for the same seed; a letter is a token.</summary>
    public static string Text(int letters, int seed)
    {
        var random = new Random(seed);
        return string.Concat(Enumerable.Range(0, letters)
            .Select(i => $"{(i > 0 && random.Next(4) == 0 ? " " : "")}{(char)('a' + random.Next(26))}"));
    }

    /// <summary>Texts of all lengths from none to more than fit.</summary>
    public static string[] Texts(int count, int seed = 5)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(i => Text(i % 10 == 0 ? 0 : random.Next(1, i % 7 == 0 ? 150 : 40), seed + i))];
    }

    /// <summary>
    /// What the tokenizer gives, found anew: 2, a token for each letter, 3, of which the letters that do not fit are left out.
    /// </summary>
    public static int[] Ids(string text, int maxTokens = MaxTokens)
    {
        var letters = text.Select((c, i) => (Letter: c, First: i == 0 || text[i - 1] == ' ')).Where(place => place.Letter != ' ');
        return [2, .. letters.Select(place => place.Letter - 'a' + (place.First ? 5 : 31)).Take(maxTokens - 2), 3];
    }

    /// <summary>Writes the tokenizer: 5 special tokens, then letters that begin a word, then letters that go on.</summary>
    public static void WriteTokenizer(string folder)
    {
        string[] special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
        var letters = Enumerable.Range('a', 26).Select(c => ((char)c).ToString()).ToArray();
        string[] tokens = [.. special, .. letters, .. letters.Select(letter => "##" + letter)];
        var frame = (string token, int id) => new { id = token, ids = new[] { id }, tokens = new[] { token } };
        var json = new
        {
            version = "1.0",
            added_tokens = special.Select((content, id) => new
            {
                id,
                content,
                single_word = false,
                lstrip = false,
                rstrip = false,
                normalized = false,
                special = true
            }),
            normalizer = new
            {
                type = "BertNormalizer",
                clean_text = true,
                handle_chinese_chars = true,
                strip_accents = (bool?)null,
                lowercase = false
            },
            pre_tokenizer = new { type = "BertPreTokenizer" },
            post_processor = new
            {
                type = "TemplateProcessing",
                single = new object[]
                {
                    new { SpecialToken = new { id = "[CLS]", type_id = 0 } }, new { Sequence = new { id = "A", type_id = 0 } },
                    new { SpecialToken = new { id = "[SEP]", type_id = 0 } },
                },
                pair = Array.Empty<object>(),
                special_tokens = new Dictionary<string, object> { ["[CLS]"] = frame("[CLS]", 2), ["[SEP]"] = frame("[SEP]", 3) },
            },
            decoder = new { type = "WordPiece", prefix = "##", cleanup = true },
            model = new
            {
                type = "WordPiece",
                unk_token = "[UNK]",
                continuing_subword_prefix = "##",
                max_input_chars_per_word = 200,
                vocab = tokens.Select((token, id) => (token, id)).ToDictionary(pair => pair.token, pair => pair.id),
            },
        };
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), JsonSerializer.Serialize(json));
    }

    public void Dispose() => _model.Dispose();
}
