namespace Coppice.Constraints.Tests.Processors;

/// <summary>ASAp on the model with p(0) = p(1) = 0.45 and p(end) = 0.1, and the language {00000} with {1}{0,1}^4.</summary>
public sealed class AsapTests
{
    private const int End = 2;
    private static readonly double[] Model = [.45, .45, .1];
    private static readonly int[] Digits = [0, 1];

    [Fact]
    public void One_sample_gives_the_bounds_that_can_be_worked_out()
    {
        var trie = new AsapTrie();
        Sample(trie, _ => .1);
        var cursor = trie.Begin();
        Assert.Equal(.45184528125, trie.Bound, 12);
        Assert.Equal(.004100625, cursor.BoundOf(0), 12);
        var weight0 = .45 * cursor.BoundOf(0);
        Assert.Equal(.0040838785, weight0 / (weight0 + (.45 * cursor.BoundOf(1))), 8);
        double[] path = [.0091125, .02025, .045, .1];
        foreach (var bound in path)
        {
            cursor.Descend(0, .45);
            Assert.Equal(bound, cursor.BoundOf(0), 12);
        }
    }

    [Fact]
    public void Samples_converge_to_the_conditional_distribution()
    {
        var trie = new AsapTrie();
        var random = new Random(5);
        for (var i = 0; i < 3_000; i++) Sample(trie, _ => random.NextDouble());
        Assert.Equal(.03136978125, trie.Bound, 12);
        var counts = new Dictionary<string, int>();
        const int samples = 50_000;
        for (var i = 0; i < samples; i++)
        {
            var text = Sample(trie, _ => random.NextDouble());
            counts[text] = counts.GetValueOrDefault(text) + 1;
        }
        Assert.Equal(17, counts.Count);
        var chiSquare = counts.Values.Sum(count => Math.Pow(count - (samples / 17.0), 2) / (samples / 17.0));
        // The 99th percentile of chi-square with 16 degrees of freedom.
        Assert.True(chiSquare < 32.0, $"{chiSquare}");
    }

    [Fact]
    public void The_compact_form_equals_the_full_one()
    {
        var trie = new AsapTrie();
        var full = new Full();
        var random = new Random(7);
        for (var i = 0; i < 400; i++)
        {
            var text = Sample(trie, _ => random.NextDouble());
            full.Visit(text);
            Assert.Equal(full.Phi(""), trie.Bound, 12);
        }
    }

    [Fact]
    public void A_saved_trie_is_the_same_and_another_file_is_refused()
    {
        var trie = new AsapTrie();
        var random = new Random(9);
        for (var i = 0; i < 50; i++) Sample(trie, _ => random.NextDouble());
        using var stream = new MemoryStream();
        trie.Save(stream);
        stream.Position = 0;
        var loaded = AsapTrie.Load(stream);
        Assert.Equal(trie.Bound, loaded.Bound);
        Assert.Equal(trie.Begin().BoundOf(1), loaded.Begin().BoundOf(1));
        var bytes = stream.ToArray();
        for (var i = 0; i < 300; i++)
        {
            var broken = (byte[])bytes.Clone();
            broken[random.Next(broken.Length)] ^= (byte)(1 << random.Next(8));
            try
            {
                AsapTrie.Load(new MemoryStream(broken[..random.Next(broken.Length)]));
            }
            catch (InvalidDataException)
            {
            }
        }
    }

    private static bool IsLive(string text) => text.Length <= 5 && (text.Length == 0 || text[0] == '1' || text.All(c => c == '0'));

    /// <summary>Allowed tokens after a prefix: digits where it stays live, the end after five.</summary>
    private static int[] Allowed(string text) => text.Length == 5 ? [End] : [.. Digits.Where(token => IsLive(text + token))];

    private static string Sample(AsapTrie trie, Func<int, double> draw)
    {
        var (cursor, text) = (trie.Begin(), "");
        while (true)
        {
            var allowed = Allowed(text);
            cursor.Visit(allowed.Sum(token => Model[token]));
            var weights = allowed.Select(token => Model[token] * (token == End ? 1 : cursor.BoundOf(token))).ToArray();
            var point = draw(text.Length) * weights.Sum();
            var chosen = allowed[^1];
            for (var i = 0; i < allowed.Length; i++)
            {
                point -= weights[i];
                if (point > 0) continue;
                chosen = allowed[i];
                break;
            }
            if (chosen == End) return text;
            cursor.Descend(chosen, Model[chosen]);
            text += chosen;
        }
    }

    /// <summary>The published form: every allowed token of a visited prefix has an entry, and bounds are sums over all of them.</summary>
    private sealed class Full
    {
        private readonly HashSet<string> _visited = [];

        public void Visit(string text)
        {
            for (var length = 0; length <= text.Length; length++) _visited.Add(text[..length]);
        }

        public double Phi(string text) => _visited.Contains(text) ? Allowed(text).Sum(token => Model[token] * (token == End ? 1 : Phi(text + token))) : 1;
    }
}
