using System.Text;
using Coppice.Text;

namespace Coppice.Decoding.Strategies;

/// <summary>
/// Texts of the drafts of one request, update by update: a draft goes on from the text of the one that it continues, so that as a rule a
/// token is decoded once.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
/// <param name="tokenizer">Null for none: all texts are empty.</param>
/// <param name="options">What ends a draft by its text.</param>
internal sealed class DraftTexts(Tokenizer? tokenizer, DraftsOptions options)
{
    private readonly GenerationOptions _options = new() { StopSequences = options.StopSequences, MinTokens = options.MinTokens };
    private List<Growing?> _before = [], _now = [];                                     // by place in an update
    private List<(int[] Tokens, string Text)> _endedBefore = [], _endedNow = [];

    /// <summary>Another update begins; its drafts that go on follow in their order.</summary>
    public void Next()
    {
        (_before, _now) = (_now, _before);
        (_endedBefore, _endedNow) = (_endedNow, _endedBefore);
        _now.Clear();
        _endedNow.Clear();
    }

    /// <summary>The text of a draft that goes on, as far as no later token can change it.</summary>
    /// <param name="tokens">All of its tokens.</param>
    /// <param name="parent">Its place in the update before; null where it begins here.</param>
    public string Grow(int[] tokens, int? parent)
    {
        Growing? text = null;
        if (parent is { } place && place < _before.Count && _before[place]?.Begins(tokens) == true)
            (text, _before[place]) = (_before[place], null);
        text ??= new Growing(new TextStream(tokenizer, _options));
        text.GrowTo(tokens);
        _now.Add(text);
        return text.ToString();
    }

    /// <summary>The whole text of a draft that does not go on.</summary>
    public string Whole(int[] tokens)
    {
        var known = _endedBefore.Find(draft => ReferenceEquals(draft.Tokens, tokens)).Text;
        var text = known ?? Read(tokens, last: true, out _);
        _endedNow.Add((tokens, text));
        return text;
    }

    /// <summary>Whether the text of these tokens has come to a stop string.</summary>
    public bool Ends(int[] tokens)
    {
        Read(tokens, last: false, out var stopFound);
        return stopFound;
    }

    private string Read(int[] tokens, bool last, out bool stopFound)
    {
        var stream = new TextStream(tokenizer, _options);
        var text = new StringBuilder();
        for (var i = 0; i < tokens.Length && !stream.StopFound; i++) text.Append(stream.Append(tokens[i], last && i == tokens.Length - 1));
        stopFound = stream.StopFound;
        return text.ToString();
    }

    private sealed class Growing(TextStream stream)
    {
        private readonly StringBuilder _text = new();
        private readonly List<int> _tokens = [];

        /// <summary>Whether these tokens go on from what it has.</summary>
        public bool Begins(int[] tokens) =>
            _tokens.Count <= tokens.Length && System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_tokens)
                .SequenceEqual(tokens.AsSpan(0, _tokens.Count));

        public void GrowTo(int[] tokens)
        {
            for (var i = _tokens.Count; i < tokens.Length && !stream.StopFound; i++)
            {
                _tokens.Add(tokens[i]);
                _text.Append(stream.Append(tokens[i], last: false));
            }
        }

        public override string ToString() => _text.ToString();
    }
}
