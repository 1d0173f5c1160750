namespace Coppice.Bench.Drafts;

/// <summary>A way to make drafts, as the bench calls it.</summary>
/// <param name="Name">In tables.</param>
/// <param name="Method">What it is for the engine.</param>
/// <param name="Options">Of a count and a seed.</param>
/// <param name="Seeds">Whether other seeds give other drafts.</param>
internal sealed record DraftMethod(string Name, DraftsMethod Method, Func<int, ulong, DraftsOptions> Options, bool Seeds = false)
{
    /// <summary>Whether it needs n-grams.</summary>
    public bool NeedsNGrams { get; init; }
    /// <summary>A store of its own; null for that of the others.</summary>
    public string? NGrams { get; init; }
    /// <summary>Whether it is what the engine does by default where this method is chosen.</summary>
    public bool IsDefault { get; init; }

    /// <summary>Options for drafts of ten tokens, none of which ends earlier.</summary>
    public DraftsOptions With(int count, ulong seed, string? ngrams) => Options(count, seed) with
    {
        Count = count,
        Method = Method,
        MaxTokens = DraftMethods.Tokens,
        MinTokens = DraftMethods.Tokens,
        StopsEarly = false,
        NGramFile = NGrams ?? (NeedsNGrams ? ngrams : null),
    };
}

/// <summary>The methods that are compared.</summary>
internal static class DraftMethods
{
    /// <summary>Tokens of a draft.</summary>
    public const int Tokens = 10;
    private const string Distinct = "batched, distinct (.95, T 1)";

    /// <summary>All, in the order of the tables.</summary>
    public static IReadOnlyList<DraftMethod> All { get; } =
    [
        new("superposed", DraftsMethod.Superposed, (_, _) => Superposed) { IsDefault = true },
        new("superposed, tau 1", DraftsMethod.Superposed, (_, _) => Superposed with { SuperposedTemperature = 1 }),
        new("superposed, diverse", DraftsMethod.Superposed, (_, _) => Superposed with { Diversity = true }),
        new("superposed, n-grams", DraftsMethod.Superposed, (_, _) => new() { Mode = DraftsMode.Geometric }) { NeedsNGrams = true },
        new("superposed, diverse, n-grams", DraftsMethod.Superposed,
            (_, _) => new() { Mode = DraftsMode.Geometric, Diversity = true }) { NeedsNGrams = true },
        new("batched (.9, T .6)", DraftsMethod.Batched, (_, seed) => Batched(seed), Seeds: true) { IsDefault = true },
        new("batched (.95, T 1)", DraftsMethod.Batched, (_, seed) => Wide(seed), Seeds: true),
        new(Distinct, DraftsMethod.Batched, (_, seed) => Wide(seed) with { Distinct = true }, Seeds: true),
        new("beam", DraftsMethod.Beam, (_, _) => new()) { IsDefault = true },
    ];

    /// <summary>The one with n-grams whose times count.</summary>
    public static DraftMethod NGrams { get; } = All.First(method => method.NeedsNGrams);

    private static DraftsOptions Superposed => new() { Mode = DraftsMode.None };

    /// <summary>Those whose times are measured: the others take as long as one of them.</summary>
    public static IEnumerable<DraftMethod> Timed(bool ngrams) => All.Where(method => method.IsDefault || (ngrams && method == NGrams));

    /// <summary>Every update.</summary>
    public static IReadOnlyList<DraftsUpdate> Steps(Session session, int[] prompt, DraftsOptions options)
    {
        return All().GetAwaiter().GetResult();

        async Task<List<DraftsUpdate>> All()
        {
            var updates = new List<DraftsUpdate>();
            await foreach (var update in session.GenerateDraftsAsync(prompt, options)) updates.Add(update);
            return updates;
        }
    }

    /// <summary>The last update.</summary>
    public static DraftsUpdate Run(Session session, int[] prompt, DraftsOptions options) => Steps(session, prompt, options)[^1];

    private static DraftsOptions Batched(ulong seed) => new() { Seed = seed * 1000 };

    private static DraftsOptions Wide(ulong seed) => Batched(seed) with { TopP = .95f, Temperature = 1 };
}
