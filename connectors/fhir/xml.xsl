<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- xml.xsl - birth and death reports in FHIR's XML form (BFDR, VRDR) to common records. bundle.xsl has the mapping. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:kw="urn:kinward:mapping:1">
  <kw:mapping id="fhir-vital-xml" version="1" format="xml"/>
  <xsl:include href="bundle.xsl"/>
</xsl:stylesheet>
