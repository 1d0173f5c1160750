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

    /// <summary>Masks alone give both first tokens the same weight.</summary>
    [Fact]
    public void Before_the_first_sample_it_is_plain_masking()
    {
        var cursor = new AsapTrie().Begin();
        double[] weights = [.45, .45, 0];
        cursor.Weigh(weights);
        Assert.Equal(.5, weights[0] / (weights[0] + weights[1]), 15);
    }

    [Fact]
    public void Samples_converge_to_the_conditional_distribution()
    {
        var trie = new AsapTrie();
        var random = new Random(5);
        for (var i = 0; i < 3_000; i++) Sample(trie, _ => random.NextDouble());
        Assert.Equal(.03136978125, trie.Bound, 12);
        var start = trie.Begin();
        Assert.Equal(.004100625, start.BoundOf(0), 12);
        Assert.Equal(.06561, start.BoundOf(1), 12);
        Assert.Equal(1 / 17.0, start.BoundOf(0) / (start.BoundOf(0) + start.BoundOf(1)), 12);
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

    /// <summary>A tree of other probabilities at each node, of up to four tokens.</summary>
    [Fact]
    public void The_compact_form_equals_the_full_one_on_random_trees()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            var (trie, full) = (new AsapTrie(), new RandomTree(seed));
            for (var sample = 0; sample < 60; sample++)
            {
                var (cursor, path) = (trie.Begin(), "");
                while (true)
                {
                    var row = full.Row(path);
                    full.Visited.Add(path);
                    cursor.Visit(row.Sum());
                    var live = Enumerable.Range(0, row.Length).Where(token => row[token] > 0).ToArray();
                    if (live.Length == 0) break;
                    var token = live[random.Next(live.Length)];
                    if (token == RandomTree.End) break;
                    cursor.Descend(token, row[token]);
                    path += token;
                }
                Assert.Equal(full.Phi(""), trie.Bound, 12);
            }
        }
    }

    /// <summary>Differences from 1 would lose them.</summary>
    [Fact]
    public void Small_probabilities_are_kept()
    {
        var trie = new AsapTrie();
        var cursor = trie.Begin();
        for (var depth = 0; depth < 8; depth++)
        {
            cursor.Visit(3e-9);
            cursor.Descend(7, 1e-9);
        }
        cursor.Visit(2e-9);
        var expected = 2e-9;
        for (var depth = 0; depth < 8; depth++) expected = 2e-9 + (1e-9 * expected);
        Assert.Equal(1, trie.Bound / expected, 1e-12);
        cursor = trie.Begin();
        cursor.Descend(7, 1e-9);
        Assert.InRange(trie.Begin().BoundOf(7), 2e-9, 2.00001e-9);
    }

    [Fact]
    public void A_trie_is_bound_to_one_key()
    {
        var trie = new AsapTrie();
        trie.Bind("one");
        trie.Bind("one");
        Assert.Throws<ArgumentException>(() => trie.Bind("other"));
        Assert.Throws<ArgumentException>(() => trie.Bind(""));
        Assert.Throws<ArgumentException>(() => new AsapTrie().Bind(new string('x', 1_025)));
        using var stream = new MemoryStream();
        trie.Save(stream);
        stream.Position = 0;
        Assert.Equal("one", AsapTrie.Load(stream).Key);
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

    /// <summary>Probabilities of the allowed tokens at each prefix, and the bound as it is published: a sum over all of them.</summary>
    private sealed class RandomTree(int seed)
    {
        public const int End = 3;
        private const int Deepest = 5;

        public HashSet<string> Visited { get; } = [];

        public double[] Row(string path)
        {
            var random = new Random((seed * 7919) + path.Aggregate(17, (hash, c) => (hash * 31) + c));
            var row = Enumerable.Range(0, End + 1).Select(_ => random.NextDouble()).ToArray();
            var sum = row.Sum() * (1 + random.NextDouble());
            return [.. row.Select((p, token) => random.Next(3) == 0 || (path.Length == Deepest && token != End) ? 0 : p / sum)];
        }

        public double Phi(string path)
        {
            if (!Visited.Contains(path)) return 1;
            var row = Row(path);
            return Enumerable.Range(0, row.Length).Sum(token => row[token] * (token == End || row[token] == 0 ? 1 : Phi(path + token)));
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

        public double Phi(string text) => _visited.Contains(text)
            ? Allowed(text).Sum(token => Model[token] * (token == End ? 1 : Phi(text + token))) : 1;
    }
}
