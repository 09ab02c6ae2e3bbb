<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- values.xsl - data types of FHIR: dates and parts of dates, names, addresses, identifiers, codes. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:kw="urn:kinward:mapping:1"
  xmlns="urn:kinward:record:1" exclude-result-prefixes="kw">

  <!-- The registry's own country, where it has one: ZZ stands for none given. -->
  <xsl:variable name="own-country">
    <xsl:if test="$jurisdiction != 'ZZ'"><xsl:value-of select="$jurisdiction"/></xsl:if>
  </xsl:variable>
  <xsl:variable name="states" select="' AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY '"/>

  <xsl:template name="text">
    <xsl:param name="element"/>
    <xsl:param name="value"/>
    <xsl:if test="kw:text($value) != ''"><xsl:element name="{$element}"><xsl:value-of select="kw:text($value)"/></xsl:element></xsl:if>
  </xsl:template>

  <!-- One part of a partial date: its number, or "X" where it is absent or not there. -->
  <xsl:template name="date-part">
    <xsl:param name="of"/>
    <xsl:param name="part"/>
    <xsl:variable name="extension" select="key('at', concat(generate-id($of), '/extension'))[kw:lower(key('at', concat(generate-id(), '/url'))) = $part or contains(kw:lower(key('at', concat(generate-id(), '/url'))), concat('/date-', $part))][1]"/>
    <xsl:variable name="number" select="kw:text(key('at', concat(generate-id($extension), '/valueUnsignedInt')) | key('at', concat(generate-id($extension), '/valuePositiveInt')) | key('at', concat(generate-id($extension), '/valueInteger')) | key('at', concat(generate-id($extension), '/valueTime')))"/>
    <xsl:choose>
      <xsl:when test="$number = ''">X</xsl:when>
      <xsl:when test="string-length($number) = 1"><xsl:value-of select="concat('0', $number)"/></xsl:when>
      <xsl:otherwise><xsl:value-of select="$number"/></xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <!--
    A date that is whole, in parts, or absent with a reason. Parts stand in an extension named PartialDate or Extension-partial-date-vr
    (-date-time-vr, PartialDateTime); the order of names is the same in all of them. Nothing is filled in for a part that is not there.
  -->
  <xsl:template name="date">
    <xsl:param name="element"/>
    <xsl:param name="of"/>
    <xsl:param name="name"/>
    <xsl:param name="other-name"/>
    <xsl:param name="needed" select="false()"/>
    <xsl:variable name="value" select="kw:text(key('at', concat(generate-id($of), '/', $name)) | key('at', concat(generate-id($of), '/', $other-name)))"/>
    <xsl:variable name="beside" select="key('at', concat(generate-id($of), '/_', $name)) | key('at', concat(generate-id($of), '/_', $other-name))"/>
    <xsl:variable name="partial" select="key('at', concat(generate-id($beside), '/extension'))[contains(translate(kw:lower(key('at', concat(generate-id(), '/url'))), '-', ''), 'partialdate')][1]"/>
    <xsl:variable name="exact" select="kw:text(key('at', concat(generate-id(key('extension', concat(generate-id($beside), '/patient-birthTime'))), '/valueDateTime')))"/>
    <xsl:variable name="parts">
      <xsl:if test="$partial">
        <xsl:variable name="year"><xsl:call-template name="date-part"><xsl:with-param name="of" select="$partial"/><xsl:with-param name="part" select="'year'"/></xsl:call-template></xsl:variable>
        <xsl:variable name="month"><xsl:call-template name="date-part"><xsl:with-param name="of" select="$partial"/><xsl:with-param name="part" select="'month'"/></xsl:call-template></xsl:variable>
        <xsl:variable name="day"><xsl:call-template name="date-part"><xsl:with-param name="of" select="$partial"/><xsl:with-param name="part" select="'day'"/></xsl:call-template></xsl:variable>
        <xsl:variable name="time"><xsl:call-template name="date-part"><xsl:with-param name="of" select="$partial"/><xsl:with-param name="part" select="'time'"/></xsl:call-template></xsl:variable>
        <xsl:if test="concat($year, $month, $day) != 'XXX'">
          <xsl:if test="$year = 'X'">XXX</xsl:if>
          <xsl:value-of select="$year"/>
          <xsl:if test="concat($month, $day) != 'XX' or $year = 'X'">
            <xsl:text>-</xsl:text>
            <xsl:if test="$month = 'X'">X</xsl:if>
            <xsl:value-of select="$month"/>
          </xsl:if>
          <xsl:if test="$day != 'X'"><xsl:value-of select="concat('-', $day)"/></xsl:if>
          <xsl:if test="$day != 'X' and $month != 'X' and $year != 'X' and $time != 'X'"><xsl:value-of select="concat('T', $time)"/></xsl:if>
        </xsl:if>
      </xsl:if>
    </xsl:variable>
    <xsl:variable name="reason" select="kw:text(key('at', concat(generate-id(key('extension', concat(generate-id($beside), '/data-absent-reason'))), '/valueCode')) | key('at', concat(generate-id($partial), '/extension/extension/valueCode')) | key('at', concat(generate-id($partial), '/extension/_valueUnsignedInt/extension/valueCode')) | key('at', concat(generate-id($partial), '/extension/valueUnsignedInt/extension/valueCode')))"/>
    <xsl:choose>
      <xsl:when test="$exact != '' and starts-with($exact, $value)"><xsl:element name="{$element}"><xsl:copy-of select="kw:date($exact)"/></xsl:element></xsl:when>
      <xsl:when test="$value != ''"><xsl:element name="{$element}"><xsl:copy-of select="kw:date($value)"/></xsl:element></xsl:when>
      <xsl:when test="$parts != ''"><xsl:element name="{$element}"><xsl:copy-of select="kw:date(string($parts))"/></xsl:element></xsl:when>
      <xsl:when test="$reason != ''"><xsl:element name="{$element}"><xsl:copy-of select="kw:coded('absentReason', 'absent-reason', $reason, 'http://terminology.hl7.org/CodeSystem/data-absent-reason')"/></xsl:element></xsl:when>
      <xsl:when test="$needed"><xsl:element name="{$element}"><absentReason>not_recorded</absentReason></xsl:element></xsl:when>
    </xsl:choose>
  </xsl:template>

  <!-- A code that has been translated; what the source wrote stays beside it. -->
  <xsl:template name="translated">
    <xsl:param name="element"/>
    <xsl:param name="code"/>
    <xsl:param name="concept"/>
    <xsl:variable name="original" select="kw:text(key('at', concat(generate-id($concept), '/coding/code')))"/>
    <xsl:variable name="system" select="kw:text(key('at', concat(generate-id($concept), '/coding/system')))"/>
    <xsl:variable name="words" select="kw:text(key('at', concat(generate-id($concept), '/text')))"/>
    <xsl:if test="concat($original, $words) != ''">
      <xsl:element name="{$element}">
        <xsl:attribute name="original">
          <xsl:choose>
            <xsl:when test="$original = '' or ($original = 'OTH' and $words != '')"><xsl:value-of select="$words"/></xsl:when>
            <xsl:otherwise><xsl:value-of select="$original"/></xsl:otherwise>
          </xsl:choose>
        </xsl:attribute>
        <xsl:if test="$original != '' and $system != ''"><xsl:attribute name="originalSystem"><xsl:value-of select="$system"/></xsl:attribute></xsl:if>
        <xsl:choose>
          <xsl:when test="$code != ''"><xsl:value-of select="$code"/></xsl:when>
          <xsl:otherwise>unknown<xsl:value-of select="kw:warn('unknown-code', $element)"/></xsl:otherwise>
        </xsl:choose>
      </xsl:element>
    </xsl:if>
  </xsl:template>

  <!-- Names of a person; FHIR's use says which name it is. -->
  <xsl:template name="names">
    <xsl:param name="of"/>
    <xsl:for-each select="key('at', concat(generate-id($of), '/name'))">
      <xsl:variable name="use" select="string(key('at', concat(generate-id(), '/use')))"/>
      <xsl:variable name="whole" select="kw:name(key('at', concat(generate-id(), '/text')))"/>
      <xsl:variable name="given" select="key('at', concat(generate-id(), '/given'))[kw:name(.) != '']"/>
      <xsl:variable name="family" select="key('at', concat(generate-id(), '/family'))[kw:name(.) != '']"/>
      <xsl:if test="$whole != '' or $given or $family">
        <name>
          <xsl:if test="$use != ''">
            <xsl:attribute name="use">
              <xsl:choose>
                <xsl:when test="$use = 'official'">registered</xsl:when>
                <xsl:when test="$use = 'maiden'">birth</xsl:when>
                <xsl:when test="$use = 'nickname' or $use = 'usual'">alias</xsl:when>
                <xsl:when test="$use = 'old'">previous</xsl:when>
                <xsl:otherwise>unknown</xsl:otherwise>
              </xsl:choose>
            </xsl:attribute>
          </xsl:if>
          <xsl:variable name="script" select="kw:script(concat($whole, $given, $family))"/>
          <xsl:if test="$script != 'Zyyy'"><xsl:attribute name="script"><xsl:value-of select="$script"/></xsl:attribute></xsl:if>
          <xsl:if test="$whole != ''"><fullName><xsl:value-of select="$whole"/></fullName></xsl:if>
          <xsl:for-each select="$given"><givenName><xsl:value-of select="kw:name(.)"/></givenName></xsl:for-each>
          <xsl:for-each select="$family"><familyName><xsl:value-of select="kw:name(.)"/></familyName></xsl:for-each>
          <xsl:call-template name="text"><xsl:with-param name="element" select="'prefix'"/><xsl:with-param name="value" select="key('at', concat(generate-id(), '/prefix'))"/></xsl:call-template>
          <xsl:call-template name="text"><xsl:with-param name="element" select="'suffix'"/><xsl:with-param name="value" select="key('at', concat(generate-id(), '/suffix'))"/></xsl:call-template>
        </name>
      </xsl:if>
    </xsl:for-each>
  </xsl:template>

  <xsl:template name="identifier">
    <xsl:param name="type"/>
    <xsl:param name="original"/>
    <xsl:param name="original-system"/>
    <xsl:param name="value"/>
    <xsl:param name="country"/>
    <xsl:param name="system"/>
    <xsl:if test="kw:text($value) != ''">
      <identifier>
        <type>
          <xsl:if test="$original != '' and $original != $type"><xsl:attribute name="original"><xsl:value-of select="$original"/></xsl:attribute></xsl:if>
          <xsl:if test="$original != '' and $original != $type and $original-system != ''"><xsl:attribute name="originalSystem"><xsl:value-of select="$original-system"/></xsl:attribute></xsl:if>
          <xsl:value-of select="$type"/>
        </type>
        <value><xsl:value-of select="kw:text($value)"/></value>
        <xsl:if test="$country != ''"><issuingCountry><xsl:value-of select="$country"/></issuingCountry></xsl:if>
        <xsl:if test="$system != ''"><issuingAuthorityId><xsl:value-of select="$system"/></issuingAuthorityId></xsl:if>
      </identifier>
    </xsl:if>
  </xsl:template>

  <!-- Numbers of a person, by the code of their type or, without one, by the system that issues them. -->
  <xsl:template name="identifiers">
    <xsl:param name="of"/>
    <xsl:for-each select="key('at', concat(generate-id($of), '/identifier'))">
      <xsl:variable name="code" select="kw:text(key('at', concat(generate-id(), '/type/coding/code')))"/>
      <xsl:variable name="system" select="kw:text(key('at', concat(generate-id(), '/system')))"/>
      <xsl:call-template name="identifier">
        <xsl:with-param name="type">
          <xsl:choose>
            <xsl:when test="$code = 'NPI' or ($code = '' and contains($system, 'us-npi'))">professional</xsl:when>
            <xsl:when test="$code = 'SB' or ($code = '' and contains($system, 'us-ssn'))">social_security</xsl:when>
            <xsl:when test="$code = ''">unknown</xsl:when>
            <xsl:otherwise><xsl:value-of select="kw:code('identifier-type', $code)"/></xsl:otherwise>
          </xsl:choose>
        </xsl:with-param>
        <xsl:with-param name="original" select="$code"/>
        <xsl:with-param name="original-system" select="kw:text(key('at', concat(generate-id(), '/type/coding/system')))"/>
        <xsl:with-param name="value" select="key('at', concat(generate-id(), '/value'))"/>
        <xsl:with-param name="country"><xsl:if test="contains($system, 'us-ssn')">US</xsl:if></xsl:with-param>
        <xsl:with-param name="system" select="$system"/>
      </xsl:call-template>
    </xsl:for-each>
  </xsl:template>

  <xsl:template name="part-of-address">
    <xsl:param name="address"/>
    <xsl:param name="name"/>
    <xsl:value-of select="kw:text(key('at', concat(generate-id(key('extension', concat(generate-id($address), '/', $name))), '/valueString')))"/>
  </xsl:template>

  <xsl:template name="code-beside">
    <xsl:param name="address"/>
    <xsl:param name="of"/>
    <xsl:param name="name"/>
    <xsl:variable name="extension" select="key('extension', concat(generate-id(key('at', concat(generate-id($address), '/_', $of))), '/', $name))"/>
    <xsl:call-template name="text">
      <xsl:with-param name="element" select="'localCode'"/>
      <xsl:with-param name="value" select="key('at', concat(generate-id($extension), '/valueString')) | key('at', concat(generate-id($extension), '/valuePositiveInt'))"/>
    </xsl:call-template>
  </xsl:template>

  <!-- The children of an address, in the order of the record. -->
  <xsl:template name="address-parts">
    <xsl:param name="address"/>
    <xsl:variable name="line">
      <xsl:for-each select="key('at', concat(generate-id($address), '/line'))[kw:text(.) != '']">
        <xsl:if test="position() &gt; 1">, </xsl:if>
        <xsl:value-of select="kw:text(.)"/>
      </xsl:for-each>
    </xsl:variable>
    <xsl:variable name="number"><xsl:call-template name="part-of-address"><xsl:with-param name="address" select="$address"/><xsl:with-param name="name" select="'StreetNumber'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="unit"><xsl:call-template name="part-of-address"><xsl:with-param name="address" select="$address"/><xsl:with-param name="name" select="'UnitOrAptNumber'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="before"><xsl:call-template name="part-of-address"><xsl:with-param name="address" select="$address"/><xsl:with-param name="name" select="'PreDirectional'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="street"><xsl:call-template name="part-of-address"><xsl:with-param name="address" select="$address"/><xsl:with-param name="name" select="'StreetName'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="kind"><xsl:call-template name="part-of-address"><xsl:with-param name="address" select="$address"/><xsl:with-param name="name" select="'StreetDesignator'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="after"><xsl:call-template name="part-of-address"><xsl:with-param name="address" select="$address"/><xsl:with-param name="name" select="'PostDirectional'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="use" select="string(key('at', concat(generate-id($address), '/use')))"/>
    <xsl:choose>
      <xsl:when test="$use = 'billing'"><type original="billing" originalSystem="http://hl7.org/fhir/address-use">mailing</type></xsl:when>
      <xsl:otherwise><xsl:copy-of select="kw:coded('type', 'address-type', $use, 'http://hl7.org/fhir/address-use')"/></xsl:otherwise>
    </xsl:choose>
    <xsl:choose>
      <xsl:when test="$line != ''"><fullAddress><xsl:value-of select="$line"/></fullAddress></xsl:when>
      <xsl:otherwise><xsl:call-template name="text"><xsl:with-param name="element" select="'fullAddress'"/><xsl:with-param name="value" select="key('at', concat(generate-id($address), '/text'))"/></xsl:call-template></xsl:otherwise>
    </xsl:choose>
    <xsl:call-template name="text"><xsl:with-param name="element" select="'locatorDesignator'"/><xsl:with-param name="value" select="concat($number, ' ', $unit)"/></xsl:call-template>
    <xsl:call-template name="text"><xsl:with-param name="element" select="'thoroughfare'"/><xsl:with-param name="value" select="concat($before, ' ', $street, ' ', $kind, ' ', $after)"/></xsl:call-template>
    <xsl:call-template name="text"><xsl:with-param name="element" select="'postName'"/><xsl:with-param name="value" select="key('at', concat(generate-id($address), '/city'))"/></xsl:call-template>
    <xsl:call-template name="text"><xsl:with-param name="element" select="'postCode'"/><xsl:with-param name="value" select="key('at', concat(generate-id($address), '/postalCode'))"/></xsl:call-template>
    <xsl:call-template name="text"><xsl:with-param name="element" select="'adminUnitL2'"/><xsl:with-param name="value" select="key('at', concat(generate-id($address), '/district'))"/></xsl:call-template>
    <xsl:variable name="state" select="kw:text(key('at', concat(generate-id($address), '/state')))"/>
    <xsl:variable name="country" select="kw:text(key('at', concat(generate-id($address), '/country')))"/>
    <xsl:if test="$state != ''"><adminUnitL1><xsl:value-of select="$state"/></adminUnitL1></xsl:if>
    <xsl:call-template name="code-beside"><xsl:with-param name="address" select="$address"/><xsl:with-param name="of" select="'city'"/><xsl:with-param name="name" select="'CityCode'"/></xsl:call-template>
    <xsl:call-template name="code-beside"><xsl:with-param name="address" select="$address"/><xsl:with-param name="of" select="'district'"/><xsl:with-param name="name" select="'DistrictCode'"/></xsl:call-template>
    <xsl:call-template name="code-beside"><xsl:with-param name="address" select="$address"/><xsl:with-param name="of" select="'state'"/><xsl:with-param name="name" select="'Extension-jurisdiction-id-vr'"/></xsl:call-template>
    <xsl:if test="$country = 'US' and string-length($state) = 2 and contains($states, concat(' ', $state, ' '))"><subdivision><xsl:value-of select="concat('US-', $state)"/></subdivision></xsl:if>
    <xsl:copy-of select="kw:coded('country', 'country', $country, 'urn:iso:std:iso:3166')"/>
  </xsl:template>

  <xsl:template name="address">
    <xsl:param name="element"/>
    <xsl:param name="address"/>
    <xsl:if test="key('at', concat(generate-id($address), '/line'))[kw:text(.) != ''] or kw:text(concat(key('at', concat(generate-id($address), '/text')), key('at', concat(generate-id($address), '/city')), key('at', concat(generate-id($address), '/district')), key('at', concat(generate-id($address), '/state')), key('at', concat(generate-id($address), '/postalCode')), key('at', concat(generate-id($address), '/country')))) != ''">
      <xsl:element name="{$element}"><xsl:call-template name="address-parts"><xsl:with-param name="address" select="$address"/></xsl:call-template></xsl:element>
    </xsl:if>
  </xsl:template>

  <!-- Length of time in UCUM's units. -->
  <xsl:template name="age">
    <xsl:param name="quantity"/>
    <xsl:variable name="value" select="kw:text(key('at', concat(generate-id($quantity), '/value')))"/>
    <xsl:variable name="code" select="key('at', concat(generate-id($quantity), '/code'))"/>
    <xsl:variable name="unit" select="kw:text($code | key('at', concat(generate-id($quantity), '/unit'))[not($code)])"/>
    <xsl:if test="$value != '' and number($value) &gt;= 0 and number($value) &lt; 1000000">
      <statedAge>
        <value><xsl:value-of select="floor(number($value))"/></value>
        <xsl:choose>
          <xsl:when test="$unit = 'a'"><unit original="a" originalSystem="http://unitsofmeasure.org">years</unit></xsl:when>
          <xsl:when test="$unit = 'mo'"><unit original="mo" originalSystem="http://unitsofmeasure.org">months</unit></xsl:when>
          <xsl:when test="$unit = 'wk'"><unit original="wk" originalSystem="http://unitsofmeasure.org">weeks</unit></xsl:when>
          <xsl:when test="$unit = 'd'"><unit original="d" originalSystem="http://unitsofmeasure.org">days</unit></xsl:when>
          <xsl:when test="$unit = 'h'"><unit original="h" originalSystem="http://unitsofmeasure.org">hours</unit></xsl:when>
          <xsl:when test="$unit = 'min'"><unit original="min" originalSystem="http://unitsofmeasure.org">minutes</unit></xsl:when>
          <xsl:otherwise><unit>unknown</unit></xsl:otherwise>
        </xsl:choose>
      </statedAge>
    </xsl:if>
  </xsl:template>
</xsl:stylesheet>
