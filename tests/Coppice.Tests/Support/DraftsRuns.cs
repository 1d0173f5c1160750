using Xunit;

namespace Coppice.Tests.Support;

/// <summary>Runs drafts to their end.</summary>
internal static class DraftsRuns
{
    /// <summary>Every update.</summary>
    public static async Task<List<DraftsUpdate>> AllDrafts(this Session session, IReadOnlyList<int> prompt, DraftsOptions options)
    {
        var updates = new List<DraftsUpdate>();
        await foreach (var update in session.GenerateDraftsAsync(prompt, options, TestContext.Current.CancellationToken))
            updates.Add(update);
        return updates;
    }

    /// <summary>The last update.</summary>
    public static async Task<DraftsUpdate> LastDrafts(this Session session, IReadOnlyList<int> prompt, DraftsOptions options) =>
        (await session.AllDrafts(prompt, options))[^1];

    /// <summary>Tokens as text, to compare.</summary>
    public static string Key(this Draft draft) => string.Join(' ', draft.Ids);
}
