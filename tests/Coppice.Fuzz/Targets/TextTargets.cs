using System.Text;
using System.Text.Json;
using Coppice.Text;
using Coppice.Text.Files;
using Coppice.Text.Patterns;

namespace Coppice.Fuzz;

/// <summary>Tokenizer files, templates and patterns.</summary>
internal static class TextTargets
{
    private const string Sample = "Hello, w\u00f6rld <s> 12  a\u0301\U0001F600\n";

    private static readonly byte[][] JsonWords = Targets.Utf8(
        "{", "}", "[", "]", ",", ":", "null", "true", "false", "-1", "16777215", "16777216", "\"\"", "\\ud83d", "\"type\":", "\"Regex\"",
            "\"Sequence\"", "\0");

    private static readonly TemplateLimits Limits = new() { MaxSteps = 100_000, MaxCharacters = 1 << 18 };

    /// <summary>tokenizer.json: each kind of model, and many kinds of parts.</summary>
    public static Target TokenizerJson { get; } = new(
        "tokenizer-json",
        Targets.Utf8(
            """{"added_tokens":[{"id":9,"content":"<s>","single_word":false,"lstrip":true,"rstrip":false,"normalized":false,"special":true}],"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Lowercase"},{"type":"Replace","pattern":{"Regex":" +"},"content":" "},{"type":"Prepend","prepend":"_"}]},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"special_tokens":{"<s>":{"id":"<s>","ids":[9],"tokens":["<s>"]}}},"decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},"model":{"type":"BPE","vocab":{"h":0,"e":1,"l":2,"o":3,"he":4,"ll":5,"hell":6},"merges":["h e","l l","he ll"]}}""",
            """{"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\p{N}{1,3}|\\s+(?!\\S)"},"behavior":"Isolated","invert":false},{"type":"Digits","individual_digits":true},{"type":"Punctuation","behavior":"Contiguous"}]},"decoder":{"type":"WordPiece","prefix":"##","cleanup":true},"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"[UNK]":0,"he":1,"##llo":2,"w":3}}}""",
            """{"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true},"decoder":{"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},"model":{"type":"Unigram","unk_id":0,"byte_fallback":false,"vocab":[["<unk>",0],["▁he",-1.5],["l",-2],["lo",-2.5]]}}""",
            """{"pre_tokenizer":{"type":"Whitespace"},"model":{"type":"WordLevel","unk_token":"u","vocab":{"u":0,"Hello":1,"<s>":2}}}""",
            """{"model":{"type":"BPE","unk_token":"u","fuse_unk":true,"byte_fallback":true,"ignore_merges":true,"vocab":{"u":0,"h":1,"e":2,"he":3,"<0x0A>":4},"merges":[["h","e"]]}}"""),
        [.. JsonWords, .. Targets.Utf8("\"pattern\"", "\"Precompiled\"", "\"vocab\"", "\"merges\"", "\"ids\"", "\"unk_id\"", "(?:",
            "{1,100}", "\\\\p{L}")],
        static () =>
        {
            var settings = CheckpointSettings.Read(Targets.NewFolder());
            return input => Use(new Tokenizer(settings.Complete(Text.Files.TokenizerJson.Read(JsonSource.Of("tokenizer.json", input)))));
        });

    /// <summary>tokenizer_config.json beside a small tokenizer.</summary>
    public static Target TokenizerConfig { get; } = new(
        "tokenizer-config",
        Targets.Utf8(
            """{"added_tokens_decoder":{"3":{"content":"<x>","lstrip":false,"normalized":false,"rstrip":true,"single_word":true,"special":true}},"bos_token":"<s>","eos_token":{"content":"</s>","special":true},"additional_special_tokens":["a",{"content":"b"}],"add_bos_token":true,"add_eos_token":false,"tokenizer_class":"LlamaTokenizer","model_max_length":1e30,"clean_up_tokenization_spaces":false,"chat_template":{"default":"{{ x }}"}}""",
            """{"extra_special_tokens":{"image_token":"<i>"},"chat_template":[{"name":"default","template":"t"}],"pad_token":null,"x":[NaN]}"""),
        [.. JsonWords, .. Targets.Utf8("\"_token\"", "\"content\"", "Infinity", "\"added_tokens_decoder\"", "\"chat_template\"")],
        static () =>
        {
            // What tokenizer.json says is the same each time: it is read once.
            var parts = Text.Files.TokenizerJson.Read(JsonSource.Of("tokenizer.json", Fuzzer.Utf8(
                """{"pre_tokenizer":{"type":"Whitespace"},"model":{"type":"WordLevel","unk_token":"u","vocab":{"u":0,"<s>":1,"</s>":2}}}""")));
            var file = new InputFile("tokenizer_config.json");
            return input =>
            {
                file.Write(input);
                var settings = CheckpointSettings.Read(file.Folder);
                Use(TokenizerFolder.With(settings, settings.Complete(parts)));
            };
        });

    /// <summary>A SentencePiece model: pieces, trainer, normalizer.</summary>
    public static Target SentencePiece { get; } = new(
        "sentencepiece",
        [
            Model([("<unk>", 2), ("<s>", 3), ("</s>", 3), ("\u2581he", 1), ("l", 1), ("lo", 1), ("<0x0A>", 6)], [0x18, 1],
                [0x18, 1, 0x20, 1]),
            Model([("<unk>", 2), ("h", 1), ("e", 1), ("he", 1), ("user", 4)], [0x18, 2, 0x98, 0x02, 1], [0x18, 0, 0x20, 0]),
        ],
        [[0x0A], [0x12, 0x00], [0x1A, 0x00], [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
            [0x00, 0x00, 0xC0, 0x7F]],
        static () =>
        {
            var settings = CheckpointSettings.Read(Targets.NewFolder());
            return input => Use(new Tokenizer(SentencePieceReader.Read("tokenizer.model", input, settings)));
        });

    /// <summary>Chat templates, rendered.</summary>
    public static Target Template { get; } = new(
        "template",
        Targets.Utf8(
            "{% for m in messages %}{{ '<|' + m['role'] + '|>' }}{{ m.content | trim }}{% if not loop.last %}\n{% endif %}{% endfor %}",
            "{%- macro f(a, b=1) -%}{{ a ~ b }}{%- endmacro %}{{ f(tools | tojson(indent=2)) }}{% macro g() %}{{ caller() }}{% endmacro "
            + "%}{% call g() %}x{% endcall %}",
            "{% set ns = namespace(n=0) %}{% for x in range(9) if x is odd %}{% set ns.n = ns.n + x %}{% continue %}{% endfor %}{{ ns.n }}",
            "{% block b %}{{ '%s' | format(1) }}{% endblock %}{{ self.b() }}{% autoescape true %}{{ '<' }}{% endautoescape %}",
            "{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | join(', ') }}{{ 'abc'[::-1] }}",
            "{% raw %}{{ x }}{% endraw %}{# c #}{% filter upper %}a{% endfilter %}{% with a = 1 %}{{ a }}{% endwith %}"),
        Targets.Utf8(
            "{%", "%}", "{{", "}}", "{#", "#}", "-%}", "for x in", "endfor", "if", "else", "endif", "set", "macro", "endmacro", "|", "**",
                "//", "~", "[", "]",
            "(", ")", "'", "\"", "\\", "range(9)", "dict(", ".items()", "loop.", "self.b()", "recursive", "is defined", "not", "in",
                "1e308", "99999999999999999999"),
        static () =>
        {
            using var input = JsonDocument.Parse(
                """{"messages":[{"role":"user","content":" é"},{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f"}}]}],"tools":[{"a":[1,2.5,null]}],"now":"2026-11-23T12:34:56"}""");
            var conversation = ChatTemplateInput.FromJson(input.RootElement.Clone());
            return bytes => new ChatTemplate(Encoding.UTF8.GetString(bytes), Limits).Render(conversation);
        });

    /// <summary>Regular expressions of tokenizers, used on a text.</summary>
    public static Target Pattern { get; } = new(
        "pattern",
        Targets.Utf8(
            @"(?i:'s|'t|'re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
                @"(?<=a)b*?(?>c|d)++[^\W\d_&&[a-z]]", @"\A\h*(?x: a b )\z|\x{1F600}",
            @"((a|b)*c){2,5}\b(?!x)(?#note)[[:alpha:]]"),
        Targets.Utf8(
            "(?", "(?<=", "(?!", "[^", "&&", "]", ")", "*", "+", "?", "{1000}", "{,5}", "|", "\\p{", "\\P{Lu}", "\\x{", "\\u", "\\b",
                "[[:", ":]]", "(?i)", "(?x)", "\\", ".", "^", "$"),
        static () => static input =>
        {
            try
            {
                Text.Patterns.Pattern.Parse(Encoding.UTF8.GetString(input)).Replace(Sample, "x");
            }
            catch (PatternError error)
            {
                throw new CheckpointException(error.Message, error);
            }
        });

    private static void Use(Tokenizer tokenizer)
    {
        var ids = tokenizer.Encode(Sample);
        tokenizer.Decode(ids, skipSpecialTokens: true);
        foreach (var id in ids)
        {
            if (id < 0 || id >= tokenizer.VocabularySize) throw new InvalidDataException($"id {id} of {tokenizer.VocabularySize}");
        }
    }

    private static byte[] Model((string Text, byte Kind)[] pieces, byte[] trainer, byte[] normalizer) =>
    [
        .. pieces.SelectMany((piece, i) => Field(1, [.. Field(1, Encoding.UTF8.GetBytes(piece.Text)), 0x15,
            .. BitConverter.GetBytes(-i * 0.5f), 0x18, piece.Kind])),
        .. Field(2, trainer), .. Field(3, normalizer),
    ];

    /// <summary>A length-delimited field of fewer than 128 bytes.</summary>
    private static byte[] Field(int number, byte[] content) => [(byte)(number << 3 | 2), checked((byte)content.Length), .. content];
}
