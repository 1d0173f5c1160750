using Coppice.Cache;
using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Loading;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Cache;

/// <summary>Forks: what they share, when a page is copied, and that no fork sees what another appends.</summary>
public sealed class ForkTests
{
    private const int Capacity = 8192;

    [Fact]
    public void Whole_pages_are_shared_and_the_last_is_copied_when_either_writes()
    {
        using var pages = new CacheBench("cpu", 20);
        using var parent = pages.NewCache();
        parent.Append(150, seed: 1);
        Assert.Equal((17, 0), (pages.Pool.FreePages, pages.Pool.SharedPages));
        using var child = parent.Fork();
        using var second = child.Cache.Fork();
        Assert.Equal((17, 3), (pages.Pool.FreePages, pages.Pool.SharedPages));
        child.Append(1, seed: 2);       // copies the third page; two others still hold the old one
        Assert.Equal((16, 3), (pages.Pool.FreePages, pages.Pool.SharedPages));
        child.Append(100, seed: 3);     // 251 tokens: one page more, nothing to copy
        Assert.Equal((15, 3), (pages.Pool.FreePages, pages.Pool.SharedPages));
        parent.Append(1, seed: 4);
        Assert.Equal((14, 2), (pages.Pool.FreePages, pages.Pool.SharedPages));
        second.Dispose();               // its third page was its own by now
        Assert.Equal((15, 2), (pages.Pool.FreePages, pages.Pool.SharedPages));
        parent.CheckContent();
        child.CheckContent();
        child.Dispose();
        Assert.Equal((17, 0), (pages.Pool.FreePages, pages.Pool.SharedPages));
        parent.Append(1, seed: 5);      // nobody else holds its pages: nothing is copied
        Assert.Equal((17, 0), (pages.Pool.FreePages, pages.Pool.SharedPages));
    }
}
